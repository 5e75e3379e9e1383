"""Who is found by name"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, usual in (("people", ""), ("departments", "name")):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("findable", sa.Text(), nullable=False, server_default=usual))


def downgrade() -> None:
    for table in ("people", "departments"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("findable")
