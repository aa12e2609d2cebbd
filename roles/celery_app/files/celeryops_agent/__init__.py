# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs beside a Celery app under systemd: readiness, watchdog, drained stops.

``celery -A celeryops_agent.fleet worker`` starts the app named by CELERYOPS_APP with this package
around it; the app's own code stays as it is. Standard library and Celery only; Python 3.10 or newer.
"""
