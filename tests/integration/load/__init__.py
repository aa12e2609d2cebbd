"""The load driver against a real Redis and Celery."""
