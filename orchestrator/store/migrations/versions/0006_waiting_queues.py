"""Waiting queues, and which one a department's callers wait in"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXTS = ("name", "department", "extension", "function", "strategy", "waited", "full", "nobody")
NUMBERS = ("ring_seconds", "wrap_up", "priority", "most", "longest", "announce")


def upgrade() -> None:
    op.create_table(
        "queues",
        sa.Column("id", sa.Text(), primary_key=True, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in NUMBERS),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("phones", "keys", "hint")),
        sa.Column("log_in", sa.Boolean(), nullable=False),
    )
    with op.batch_alter_table("departments") as batch:
        batch.add_column(sa.Column("queue", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("departments") as batch:
        batch.drop_column("queue")
    op.drop_table("queues")
