"""Signing in, members, workspaces."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from supervisor.api.models.base import Answered, Asked, Id, Name
from supervisor.catalog.values import DEFAULT_WORKSPACE, Role

# Plain letters only: no two names look alike
MemberName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}$")
]
Password = Annotated[str, StringConstraints(min_length=12, max_length=256)]  # length is what counts (NIST SP 800-63B)


class SignIn(Asked):
    """POST /sign-in: `token`, or `name` and `password`. `workspace`: where the member belongs."""

    token: str | None = Field(None, min_length=1, max_length=256, repr=False)
    name: MemberName | None = None
    password: str | None = Field(None, min_length=1, max_length=256, repr=False)
    workspace: Id = DEFAULT_WORKSPACE

    @model_validator(mode="after")
    def _one_way(self) -> SignIn:
        by_name = (self.name is not None, self.password is not None)
        if by_name != ((False, False) if self.token is not None else (True, True)):
            raise ValueError("needs token, or name and password")
        return self


class Me(Answered):
    """Who asks. `csrf` goes into the header X-Clipd-Csrf; null with a bearer token, which needs none."""

    id: str
    name: str
    role: Role
    workspace: str
    scopes: list[str]
    csrf: str | None = Field(repr=False)


class NewMember(Asked):
    """POST /members. Nobody grants a role above their own."""

    name: MemberName
    role: Role
    password: Password = Field(repr=False)


class Member(Answered):
    """Somebody who signs in with a password."""

    id: str
    name: str
    role: Role
    created: datetime


class MemberChange(Asked):
    """PATCH /members/{id}: what is given is changed. A new password signs the member out everywhere."""

    role: Role | None = None
    password: Password | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _something(self) -> MemberChange:
        if self.role is None and self.password is None:
            raise ValueError("changes nothing")
        return self


class NewWorkspace(Asked):
    """POST /workspaces. `id`: none: made of the name."""

    name: Name
    id: Id | None = None


class Workspace(Answered):
    """Whose streams, clips, members and tokens they are."""

    id: str
    name: str
    created: datetime


class MadeWorkspace(Workspace):
    """A workspace that was just made. `owner_token` is shown this once: null when the same request is asked again."""

    owner_token: str | None = Field(repr=False)


class WorkspaceChange(Asked):
    """PATCH /workspaces/{id}."""

    name: Name
