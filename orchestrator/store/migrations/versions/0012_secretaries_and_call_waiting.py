"""Who has a secretary, and who comes through; whose telephone rings while somebody talks there"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = (
    ("people", "secretary", sa.JSON(), "[]"),
    ("people", "direct", sa.JSON(), "[]"),
    ("people", "direct_inside", sa.Boolean(), sa.false()),
    ("people", "joins", sa.Integer(), "0"),
    ("phones", "call_waiting", sa.Boolean(), sa.true()),
)
"""Table, new column, and what the rows that are there already get."""


def upgrade() -> None:
    for table, name, kind, given in COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=given))


def downgrade() -> None:
    for table, name, _, _ in reversed(COLUMNS):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(name)
