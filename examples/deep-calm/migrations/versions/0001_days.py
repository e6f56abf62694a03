from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.execute("create table days (day date primary key, spend int not null, customers int not null)")


def downgrade():
    op.execute("drop table days")
