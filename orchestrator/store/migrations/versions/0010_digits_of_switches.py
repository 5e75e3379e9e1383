"""Which switch a desk turns by which digit"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "switch_codes",
        sa.Column("digit", sa.Text(), primary_key=True, nullable=False),
        sa.Column("switch", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("switch_codes")
