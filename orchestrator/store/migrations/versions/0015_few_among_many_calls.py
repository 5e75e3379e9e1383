"""Calls that are few among those that are kept are found without going through all of them"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

works_with_former = True

FEW = {
    "numbers": ("began", "caller <> ''"),
    "tests": ("began", "test"),
    "unexpected": ("began", "unexpected <> ''"),
    "recording": ("recording", "recording <> ''"),
}


def upgrade() -> None:
    for name, (column, which) in FEW.items():
        where = sa.text(which)
        op.create_index(f"ix_journeys_{name}", "journeys", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in FEW:
        op.drop_index(f"ix_journeys_{name}", "journeys")
