"""What a contract says about releases that are in use: how often they are measured again."""

from typing import Annotated

from pydantic import Field

from schemas.model import Model


class MonitoringPolicy(Model):
    """``check_rows``: live rows between two checks of the current release's utility, drift or not; a window of drift
    is a check as well. ``attack_days``: days between two attacks on every certified release, which a change of the
    attacks brings forward.
    """

    check_rows: Annotated[int, Field(ge=1_000, le=1_000_000_000)] = 20_000
    attack_days: Annotated[int, Field(ge=1, le=365)] = 7
