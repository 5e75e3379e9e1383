"""Whose telephones may show whether others are free"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("town") as batch:
        batch.add_column(sa.Column("lamps", sa.Text(), nullable=False, server_default="department"))


def downgrade() -> None:
    with op.batch_alter_table("town") as batch:
        batch.drop_column("lamps")
