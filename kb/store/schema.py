"""The database's schema as a list of steps, each applied once, with its record, in one transaction.

A step that has been released is never edited: a change is a new step at the end.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x6B622121  # "kb!!": tells our files from other SQLite databases

migrations = Migrations("kb")


def _run(db: Database, script: str) -> None:
    """Execute the statements one by one: `executescript` would commit the step's transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and not line.startswith("    "):
            db.execute(statement)
            statement = ""


@migrations()
def documents_passages_and_locators(db: Database) -> None:
    """The main job: what is held, how it is split and embedded, and how each locator ended."""
    _run(
        db,
        """
create table settings (key text primary key, value text not null) strict;
create table models (
    id integer primary key autoincrement,
    name text not null,
    revision text not null,
    dimension integer not null,
    max_tokens integer not null,
    unique (name, revision)
) strict;
create table documents (
    id integer primary key autoincrement,
    key text not null unique,
    kind text not null check (kind in ('paper', 'blog', 'note')),
    source text not null,
    title text not null,
    authors text not null,
    published text not null,
    year integer,
    abstract text not null,
    venue text not null,
    url text not null,
    language text not null,
    current_version_id integer references versions (id),
    added_at text not null,
    added_by text not null,
    removed_at text,
    removed_by text
) strict;
create index documents_year on documents (year);
create table document_tags (
    document_id integer not null references documents (id) on delete cascade,
    tag text not null,
    primary key (document_id, tag)
) strict, without rowid;
create index document_tags_tag on document_tags (tag);
create table identifiers (
    document_id integer not null references documents (id) on delete cascade,
    value text not null,
    primary key (document_id, value)
) strict, without rowid;
create index identifiers_value on identifiers (value);
create table versions (
    id integer primary key autoincrement,
    document_id integer not null references documents (id),
    label text not null,
    sha256 text not null,
    media_type text not null,
    raw_bytes integer not null,
    text text not null,
    pages text not null,
    sections text not null,
    lines blob not null,
    fetched_at text not null,
    fetched_from text not null,
    unique (document_id, sha256)
) strict;
create index versions_sha256 on versions (sha256);
create table passages (
    id integer primary key autoincrement,
    document_id integer not null references documents (id),
    version_id integer not null references versions (id),
    model_id integer not null references models (id),
    ordinal integer not null,
    start integer not null,
    end integer not null,
    section text not null,
    role text not null,
    page integer,
    page_end integer,
    unique (model_id, version_id, ordinal)
) strict;
create index passages_document on passages (document_id);
create index passages_version on passages (version_id);
create table vectors (
    id integer primary key autoincrement,
    passage_id integer not null unique references passages (id) on delete cascade,
    vector blob not null
) strict;
create table vector_deletions (
    id integer primary key autoincrement,
    passage_id integer not null
) strict;
create virtual table passages_fts using fts5 (
    title, section, body, tokenize = 'porter unicode61 remove_diacritics 2'
);
create trigger passages_deleted after delete on passages begin
    delete from passages_fts where rowid = old.id;
end;
create trigger vectors_deleted after delete on vectors begin
    insert into vector_deletions (passage_id) values (old.passage_id);
end;
create table runs (
    id integer primary key autoincrement,
    started_at text not null,
    started_by text not null,
    finished_at text,
    pid integer not null,
    total integer not null,
    done integer not null,
    doing text not null,
    failure text not null
) strict;
create table locators (
    id integer primary key autoincrement,
    locator text not null unique,
    source text not null,
    options text not null,
    status text not null check (status in ('queued', 'added', 'unchanged', 'updated', 'failed')),
    document_id integer references documents (id),
    stage text not null,
    reason text not null,
    retry integer not null,
    attempts integer not null,
    run_id integer references runs (id),
    at text not null
) strict;
create index locators_status on locators (status);
create index locators_document on locators (document_id);
create table projects (
    id integer primary key autoincrement,
    name text not null unique,
    created_at text not null,
    created_by text not null
) strict;
create table project_documents (
    project_id integer not null references projects (id),
    document_id integer not null references documents (id),
    added_at text not null,
    added_by text not null,
    primary key (project_id, document_id)
) strict, without rowid;
create index project_documents_document on project_documents (document_id);
create table events (
    id integer primary key autoincrement,
    at text not null,
    who text not null,
    what text not null,
    subject text not null,
    before text not null,
    after text not null
) strict;
create index events_subject on events (subject);
""",
    )


@migrations()
def findings_and_projects(db: Database) -> None:
    """What teams make of what they read: findings pinned to quotes, and the projects they serve."""
    _run(
        db,
        """
alter table projects add column brief text not null default '{}';
alter table projects add column revision integer not null default 1;
alter table projects add column archived_at text;
create table findings (
    id integer primary key autoincrement,
    kind text not null check (kind in ('design_choice', 'dataset', 'pretrained_model')),
    name text not null,
    fields text not null,
    note text not null,
    merged_into integer references findings (id),
    revision integer not null,
    created_at text not null,
    created_by text not null,
    updated_at text not null,
    updated_by text not null
) strict;
create index findings_merged on findings (merged_into);
create table finding_names (
    finding_id integer not null references findings (id) on delete cascade,
    name text not null,
    plain text not null,
    primary key (finding_id, name)
) strict, without rowid;
create index finding_names_plain on finding_names (plain);
create table finding_tags (
    finding_id integer not null references findings (id) on delete cascade,
    tag text not null,
    primary key (finding_id, tag)
) strict, without rowid;
create table evidence (
    id integer primary key autoincrement,
    finding_id integer not null references findings (id),
    document_id integer not null references documents (id),
    version_id integer not null references versions (id),
    sha256 text not null,
    start integer not null,
    end integer not null,
    page integer,
    section text not null,
    quote text not null,
    stance text not null check (stance in ('for', 'against')),
    effect text not null,
    note text not null,
    created_at text not null,
    created_by text not null,
    removed_at text
) strict;
create index evidence_finding on evidence (finding_id);
create index evidence_document on evidence (document_id);
create table candidates (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    finding_id integer not null references findings (id),
    status text not null,
    owner text not null,
    reason text not null,
    note text not null,
    revision integer not null,
    updated_at text not null,
    updated_by text not null,
    unique (project_id, finding_id)
) strict;
create index candidates_finding on candidates (finding_id);
create table readings (
    project_id integer not null references projects (id),
    document_id integer not null references documents (id),
    status text not null check (status in ('to read', 'reading', 'read', 'excluded')),
    reason text not null,
    reader text not null,
    minutes real not null,
    updated_at text not null,
    primary key (project_id, document_id)
) strict, without rowid;
create table comments (
    id integer primary key autoincrement,
    subject text not null,
    text text not null,
    created_at text not null,
    created_by text not null
) strict;
create index comments_subject on comments (subject);
create table axes (
    id text primary key,
    name text not null,
    definition text not null,
    retraining text not null,
    examples text not null
) strict;
""",
    )


@migrations()
def suggestions(db: Database) -> None:
    """What the machine proposes, and what people made of it: a rejection is remembered."""
    _run(
        db,
        """
create table suggestions (
    id integer primary key autoincrement,
    document_id integer not null references documents (id),
    version_id integer not null references versions (id),
    kind text not null,
    name text not null,
    plain text not null,
    start integer not null,
    end integer not null,
    score real not null,
    why text not null,
    axis text not null,
    effect text not null,
    status text not null check (status in ('open', 'accepted', 'rejected')),
    evidence_id integer references evidence (id),
    decided_at text,
    decided_by text,
    unique (document_id, kind, plain)
) strict;
create index suggestions_status on suggestions (status);
""",
    )


@migrations()
def planning(db: Database) -> None:
    """What follows from findings. Rows that leave the library carry a uid, the same everywhere."""
    for table in ("projects", "findings", "evidence", "candidates", "comments"):
        db.execute(f"alter table {table} add column uid text")
        db.execute(f"update {table} set uid = lower(hex(randomblob(8)))")
    _run(
        db,
        """
create table experiments (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    title text not null,
    fields text not null,
    status text not null check (status in ('planned', 'running', 'finished', 'dropped')),
    forecast text not null,
    result text not null,
    revision integer not null,
    created_at text not null,
    created_by text not null,
    updated_at text not null,
    updated_by text not null,
    uid text
) strict;
create index experiments_project on experiments (project_id);
create table experiment_candidates (
    experiment_id integer not null references experiments (id) on delete cascade,
    finding_id integer not null references findings (id),
    primary key (experiment_id, finding_id)
) strict, without rowid;
create index experiment_candidates_finding on experiment_candidates (finding_id);
create table experiment_dependencies (
    experiment_id integer not null references experiments (id) on delete cascade,
    needs_id integer not null references experiments (id),
    primary key (experiment_id, needs_id),
    check (experiment_id <> needs_id)
) strict, without rowid;
create index experiment_dependencies_needs on experiment_dependencies (needs_id);
create table trials (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    model text not null,
    parameters real,
    samples integer not null check (samples > 0),
    hours real not null check (hours > 0),
    value real,
    machine text not null,
    note text not null,
    created_at text not null,
    created_by text not null,
    removed_at text,
    uid text
) strict;
create index trials_project on trials (project_id);
create table factor_ratings (
    project_id integer not null references projects (id),
    finding_id integer not null references findings (id),
    factor text not null,
    rating text not null check (rating in ('good', 'fair', 'poor', 'unknown')),
    note text not null,
    evidence text not null,
    updated_at text not null,
    updated_by text not null,
    primary key (project_id, finding_id, factor)
) strict, without rowid;
create index factor_ratings_finding on factor_ratings (finding_id);
create table fits (
    id integer primary key autoincrement,
    project_id integer references projects (id),
    finding_id integer references findings (id),
    kind text not null check (kind in ('dataset', 'model')),
    source text not null,
    source_sha256 text not null,
    target text not null,
    target_sha256 text not null,
    verdict text not null,
    sentences text not null,
    body text not null,
    created_at text not null,
    created_by text not null,
    uid text
) strict;
create index fits_project on fits (project_id);
create index fits_finding on fits (finding_id);
create table decisions (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    number integer not null,
    title text not null,
    choice text not null check (choice in ('adopt', 'park', 'reject')),
    body text not null,
    supersedes integer,
    created_at text not null,
    created_by text not null,
    uid text,
    unique (project_id, number),
    foreign key (project_id, supersedes) references decisions (project_id, number)
) strict;
""",
    )
    tables = ("projects", "findings", "evidence", "candidates", "comments", "experiments")
    for table in (*tables, "trials", "fits", "decisions"):
        db.execute(f"create unique index {table}_uid on {table} (uid)")
        db.execute(
            f"create trigger {table}_uid_given after insert on {table} when new.uid is null begin "
            f"update {table} set uid = lower(hex(randomblob(8))) where id = new.id; end"
        )


@migrations()
def members(db: Database) -> None:
    """Who may do what on a team's server, and who is signed in there."""
    _run(
        db,
        """
create table members (
    id integer primary key autoincrement,
    name text not null unique collate nocase,
    role text not null check (role in ('reader', 'editor', 'admin')),
    password text not null,
    created_at text not null,
    created_by text not null,
    disabled_at text
) strict;
create table sign_ins (
    token text primary key,
    member_id integer not null references members (id) on delete cascade,
    at text not null,
    expires_at text not null
) strict, without rowid;
create index sign_ins_member on sign_ins (member_id);
create table sign_in_failures (
    id integer primary key autoincrement,
    who text not null collate nocase,
    at text not null
) strict;
create index sign_in_failures_who on sign_in_failures (who);
""",
    )


@migrations()
def visits(db: Database) -> None:
    """When each member was last here."""
    _run(
        db,
        """
create table visits (
    member text primary key collate nocase,
    seen_at text not null,
    before text not null
) strict, without rowid;
""",
    )


@migrations()
def saved_searches(db: Database) -> None:
    """Questions that are asked again, and when each member has last asked them."""
    _run(
        db,
        """
create table saved_searches (
    id integer primary key autoincrement,
    name text not null collate nocase,
    member text not null collate nocase,
    query text not null,
    created_at text not null,
    created_by text not null,
    unique (member, name)
) strict;
create table saved_search_runs (
    search_id integer not null references saved_searches (id) on delete cascade,
    member text not null collate nocase,
    at text not null,
    primary key (search_id, member)
) strict, without rowid;
create index documents_added on documents (added_at);
""",
    )


VERSION = len(migrations._migrations)  # the number of steps this program knows
