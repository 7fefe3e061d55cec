"""`kb member …`: the accounts of a team's server."""

from __future__ import annotations

import sys

import click

from kb.accounts import hashed
from kb.cli.options import as_json_option
from kb.cli.show import harmless, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import ROLES, Role

role_option = click.option(
    "--role", type=click.Choice(ROLES), default="editor", show_default=True,
    help="reader: reads and searches. editor: also adds, tags and plans. admin: also members.",
)  # fmt: skip


@click.group()
def member() -> None:
    """Accounts for `kb app --team`: who may read, edit, or look after the others.

    Whoever may open the library's files needs none: the command line acts as an admin.
    """


@member.command()
@click.argument("name")
@role_option
@click.option("--no-password", is_flag=True, help="For those who sign in by OpenID Connect.")
@as_json_option
@click.pass_obj
def add(config: Config, name: str, role: Role, no_password: bool, as_json: bool) -> None:
    """Give NAME an account; asks for a password, or reads one line where input is piped.

    With OpenID Connect NAME is the e-mail address that the provider vouches for.
    """
    secret = "" if no_password else hashed(_password())
    with KnowledgeBase(config) as kb:
        added = kb.store.members.add(name, role, secret)
    said = f"{harmless(added.name)} is {added.role} now."
    click.echo(printed_json(added) if as_json else said)


@member.command("list")
@as_json_option
@click.pass_obj
def list_(config: Config, as_json: bool) -> None:
    """List the accounts."""
    with KnowledgeBase(config) as kb:
        members = kb.store.members.all()
    if as_json:
        click.echo(printed_json(members))
        return
    for each in members:
        out = f"  (may not sign in since {each.disabled_at[:10]})" if each.disabled_at else ""
        click.echo(f"{each.role:<7} {harmless(each.name)}{out}")
    say(f"{len(members)} member{'s' if len(members) != 1 else ''}.")


@member.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@as_json_option
@click.pass_obj
def role_(config: Config, name: str, role: Role, as_json: bool) -> None:
    """Let NAME do more or less, from the next click on."""
    with KnowledgeBase(config) as kb:
        changed = kb.store.members.set_role(name, role)
    said = f"{harmless(changed.name)} is {changed.role} now."
    click.echo(printed_json(changed) if as_json else said)


@member.command()
@click.argument("name")
@click.pass_obj
def password(config: Config, name: str) -> None:
    """Give NAME another password, and sign them out everywhere."""
    with KnowledgeBase(config) as kb:
        found = kb.store.members.get(name)
        kb.store.members.set_password(found.name, hashed(_password()))
    click.echo(f"{harmless(found.name)} has a new password and is signed out everywhere.")


@member.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let them in again.")
@as_json_option
@click.pass_obj
def disable(config: Config, name: str, undo: bool, as_json: bool) -> None:
    """Let NAME in no more, at once. What they did stays theirs."""
    with KnowledgeBase(config) as kb:
        found = kb.store.members.disable(name, disabled=not undo)
    said = f"{harmless(found.name)} may {'sign in again' if undo else 'not sign in any more'}."
    click.echo(printed_json(found) if as_json else said)


def _password() -> str:
    if sys.stdin.isatty():
        asked: str = click.prompt(
            "Password", hide_input=True, confirmation_prompt="The same again", err=True
        )
        return asked
    return sys.stdin.readline().rstrip("\n")
