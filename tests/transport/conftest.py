# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stage of the agent's tests."""

from integration.agent.conftest import stage

__all__ = ["stage"]
