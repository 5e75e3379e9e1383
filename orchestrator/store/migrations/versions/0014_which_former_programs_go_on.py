"""Which former revisions' programs may go on with the tables: what a newer migration says of itself"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

works_with_former = False
"""Former programs do not look here yet: they refuse whatever is newer."""


def upgrade() -> None:
    op.create_table("works_with", sa.Column("revision", sa.Text(), primary_key=True, nullable=False))


def downgrade() -> None:
    op.drop_table("works_with")
