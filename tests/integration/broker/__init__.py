"""The broker as the role sets it, under real Celery and Flower."""
