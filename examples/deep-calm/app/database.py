"""Days of a channel, from PostgreSQL."""


class Database:
    def __init__(self, url):
        self.url = url

    def days(self):
        """(spend, customers) of each day, the oldest first."""
        import psycopg

        with psycopg.connect(self.url, connect_timeout=5) as connection:
            return connection.execute("select spend, customers from days order by day").fetchall()
