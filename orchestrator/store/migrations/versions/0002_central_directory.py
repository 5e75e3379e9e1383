"""The whole central directory: groups, calendars, permissions, ranges, retired numbers, waves, switches, edits"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT, WHOLE, JSON = sa.Text(), sa.Integer(), sa.JSON()
COLUMNS = {
    "town": (
        ("heads", JSON, "[]"),
        ("overlaps", JSON, "[]"),
        ("outside", TEXT, "0"),
        ("permission", TEXT, "mobile"),
    ),
    "sites": (("trunk", TEXT, ""),),
    "trunks": (
        ("transport", TEXT, "udp"),
        ("user", TEXT, ""),
        ("order", WHOLE, "1"),
        ("public", sa.Boolean(), sa.true()),
    ),
    "phones": (("kind", TEXT, ""), ("permission", TEXT, "")),
    "departments": (
        ("order", TEXT, "all"),
        ("numbers", JSON, "[]"),
        ("answer_within", WHOLE, "30"),
        ("permission", TEXT, ""),
    ),
    "people": (("numbers", JSON, "[]"), ("wave", WHOLE, "0"), ("permission", TEXT, ""), ("source", TEXT, "")),
    "boxes": (("department", TEXT, ""),),
    "schedules": (("region", TEXT, "none"), ("calendars", JSON, "[]")),
}
"""Table -> its new columns, with what the rows that are there already get."""
TABLES = {
    "groups": ("id", "name", "extension", ("phones", JSON), "department", "order", ("ring_seconds", WHOLE)),
    "calendars": ("id", "name", ("days", JSON)),
    "permissions": ("id", ("classes", JSON), ("per_hour", WHOLE), ("at_once", WHOLE), ("nightly", WHOLE)),
    "ranges": ("id", "first", "last", "department", "site"),
    "retired": ("extension", "to", ("until", JSON), ("announced", sa.Boolean()), "why"),
    "waves": ("id", "name", "trunk", ("day", JSON)),
    "singles": ("number", "extension"),
    "switches": ("name", "meaning"),
    "switched": ("name", ("value", JSON), ("at", sa.Float()), "who", "why"),
}
"""New table -> its columns, the key first; a text unless it says otherwise."""
RECORD = ("changes", "edits")
REFUSAL = "the record of changes is only added to"
FUNCTION = f"""
CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$
"""


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            for name, kind, given in columns:
                batch.add_column(sa.Column(name, kind, nullable=False, server_default=given))
    for table, written in TABLES.items():
        typed = [(each, TEXT) if isinstance(each, str) else each for each in written]
        op.create_table(
            table,
            *(sa.Column(name, kind, primary_key=at == 0, nullable=False) for at, (name, kind) in enumerate(typed)),
        )
    op.create_table(
        "edits",
        sa.Column("id", WHOLE, primary_key=True, autoincrement=True),
        sa.Column("change", WHOLE, sa.ForeignKey("changes.id"), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("before", JSON, nullable=True),
        sa.Column("after", JSON, nullable=True),
    )
    op.create_index(op.f("ix_edits_change"), "edits", ["change"])
    # Public holidays were written down day by day; from now on the region says which they are.
    op.execute(
        "UPDATE schedules SET region = (SELECT region FROM town)"
        " WHERE CAST(special AS TEXT) LIKE '%-01-01%' AND EXISTS (SELECT 1 FROM town)"
    )
    with op.batch_alter_table("schedules") as batch:
        batch.drop_column("known_until")
    with op.batch_alter_table("journal") as batch:
        batch.alter_column("inode", existing_type=WHOLE, type_=sa.BigInteger(), existing_nullable=False)
    _seal()


def _seal() -> None:
    """Make the record of changes one that nobody alters by mistake."""
    if op.get_bind().dialect.name == "sqlite":
        for table in RECORD:
            for action in ("update", "delete"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{action} BEFORE {action} ON {table}"
                    f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                )
        return
    op.execute(FUNCTION)
    for table in RECORD:
        op.execute(
            f"CREATE TRIGGER {table}_sealed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " EXECUTE FUNCTION only_added_to()"
        )


def _unseal() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in RECORD:
            for action in ("update", "delete"):
                op.execute(f"DROP TRIGGER {table}_no_{action}")
        return
    for table in RECORD:
        op.execute(f"DROP TRIGGER {table}_sealed ON {table}")
    op.execute("DROP FUNCTION only_added_to()")


def downgrade() -> None:
    _unseal()
    with op.batch_alter_table("journal") as batch:
        batch.alter_column("inode", existing_type=sa.BigInteger(), type_=WHOLE, existing_nullable=False)
    with op.batch_alter_table("schedules") as batch:
        batch.add_column(sa.Column("known_until", JSON, nullable=False, server_default='"0001-01-01"'))
    op.drop_index(op.f("ix_edits_change"), "edits")
    op.drop_table("edits")
    for table in reversed(TABLES):
        op.drop_table(table)
    for table, columns in COLUMNS.items():
        with op.batch_alter_table(table) as batch:
            for name, _, _ in columns:
                batch.drop_column(name)
