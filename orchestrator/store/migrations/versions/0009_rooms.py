"""Conference rooms; how long parked callers wait, and those who come back"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXT, WHOLE = sa.Text(), sa.Integer()


def upgrade() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", TEXT, primary_key=True, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("name", "extension", "pin")),
        sa.Column("most", WHOLE, nullable=False),
    )
    with op.batch_alter_table("town") as batch:
        batch.add_column(sa.Column("parked", WHOLE, nullable=False, server_default="120"))
        batch.add_column(sa.Column("back", WHOLE, nullable=False, server_default="20"))


def downgrade() -> None:
    with op.batch_alter_table("town") as batch:
        batch.drop_column("back")
        batch.drop_column("parked")
    op.drop_table("rooms")
