from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("create table notes (id serial primary key, text text not null, words int)")


def downgrade():
    op.execute("drop table notes")
