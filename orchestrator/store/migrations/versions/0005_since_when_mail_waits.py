"""Since when a letter waits, which is not when its message was left"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox") as batch:
        batch.add_column(sa.Column("queued", sa.Float(), nullable=False, server_default="0"))
    op.execute("UPDATE outbox SET queued = created")


def downgrade() -> None:
    with op.batch_alter_table("outbox") as batch:
        batch.drop_column("queued")
