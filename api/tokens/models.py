"""What is asked and answered about tokens."""

from pydantic import BaseModel, ConfigDict, Field

from api.core.models import Time
from schemas.access import Role


class TokenShown(BaseModel):
    """A token without its secret, of which only the last four characters are known."""

    id: str
    name: str
    owner: str
    role: Role
    last_four: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class TokenMade(TokenShown):
    """A new token. The secret is told this once."""

    secret: str


class TokenList(BaseModel):
    """All tokens, oldest first."""

    tokens: list[TokenShown]


class NewToken(BaseModel):
    """What to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="What it is for"
    )
    owner: str = Field(
        "", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Whose it is; the name, if left out"
    )
    role: Role = Role.RUNNER
    days: float | None = Field(None, gt=0, le=36_500, description="It expires after so many days; else never")
