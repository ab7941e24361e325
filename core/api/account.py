"""`/api/account`: whom a token acts for, and what is left to them."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.api.caller import Reader
from core.domain.access import Scope

router = APIRouter(prefix="/api/account", tags=["account"])


class Limits(BaseModel):
    """What a tier grants, and what of it is used up."""

    tier: str = Field(examples=["free"])
    videos_per_batch: int
    batches_per_hour: int
    concurrency: int = Field(description="So many videos of a batch are worked on at once.")
    priority: int = Field(description="What their batches have, and the highest they may.")
    minutes: int | None = Field(description="Minutes of media in 30 days; null where they are not counted.")
    minutes_used: float
    minutes_left: float | None


class Account(BaseModel):
    """Whoever asks, as this server knows them."""

    owner: str = Field(examples=["ana"])
    scope: Scope
    limits: Limits | None = Field(description="null where nothing limits them.")


@router.get("", summary="Who asks, and what is left to them")
def account(manager: Reader) -> Account:
    """The owner that the token acts for, what it may, and the limits of their tier."""
    told = manager.allowance.told()
    limits = Limits.model_validate(told) if told is not None else None
    return Account(owner=manager.actor, scope=manager.acts_for.scope, limits=limits)
