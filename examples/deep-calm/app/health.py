def health(database, release):
    """Raises when the database cannot be asked."""
    return {"status": "ok", "release": release, "days": len(database.days())}
