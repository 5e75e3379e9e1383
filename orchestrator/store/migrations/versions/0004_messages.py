"""Messages: how boxes tell of them, their number, mail to be sent, cases, the deletion log, wrong PINs"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT, WHOLE, TIME = sa.Text(), sa.Integer(), sa.Float()
BOXES = (
    ("mail", TEXT, "attachment"),
    ("members", sa.JSON(), "[]"),
    ("head", TEXT, ""),
    ("overdue", WHOLE, "0"),
    ("keep", WHOLE, "90"),
)
"""New columns of boxes, with what the rows that are there already get."""
INDICES = (("outbox", "due"), ("outbox", "state"), ("cases", "box"), ("cases", "state"), ("deletions", "at"))


def upgrade() -> None:
    with op.batch_alter_table("town") as batch:
        batch.add_column(sa.Column("mailbox", TEXT, nullable=False, server_default=""))
    with op.batch_alter_table("boxes") as batch:
        for name, kind, given in BOXES:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=given))
    op.create_table(
        "outbox",
        sa.Column("id", WHOLE, primary_key=True, autoincrement=True),
        sa.Column("key", TEXT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("kind", "box", "message", "recipient")),
        sa.Column("created", TIME, nullable=False),
        sa.Column("due", TIME, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("sent", TIME, nullable=True),
        sa.Column("error", TEXT, nullable=False),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "cases",
        sa.Column("message", TEXT, primary_key=True, nullable=False),
        sa.Column("box", TEXT, nullable=False),
        sa.Column("opened", TIME, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("changed", TIME, nullable=False),
        sa.Column("escalated", TIME, nullable=True),
        sa.Column("comment", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=False),
    )
    op.create_table(
        "deletions",
        sa.Column("id", WHOLE, primary_key=True, autoincrement=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("box", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("received", TIME, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
    )
    op.create_table(
        "lockouts",
        sa.Column("box", TEXT, primary_key=True, nullable=False),
        sa.Column("failed", WHOLE, nullable=False),
        sa.Column("until", TIME, nullable=False),
    )
    for table, column in INDICES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    for table, column in reversed(INDICES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
    for table in ("lockouts", "deletions", "cases", "outbox"):
        op.drop_table(table)
    with op.batch_alter_table("boxes") as batch:
        for name, _, _ in BOXES:
            batch.drop_column(name)
    with op.batch_alter_table("town") as batch:
        batch.drop_column("mailbox")
