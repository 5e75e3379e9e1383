"""What displays call a department whose name is too long for them"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("departments") as batch:
        batch.add_column(sa.Column("short", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("departments") as batch:
        batch.drop_column("short")
