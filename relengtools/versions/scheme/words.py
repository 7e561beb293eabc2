"""Words beside a number that say what it is no release of, and words that say which build of a release it is."""

import re

_MOMENTS = {
    "nightly",
    "snapshot",
    "daily",
    "weekly",
    "before",
    "after",
    "pre",
    "post",
    "start",
    "base",
    "last",
    "latest",
}
_BRANCHES = {
    "dev",
    "devel",
    "trunk",
    "master",
    "main",
    "head",
    "branch",
    "branches",
    "maint",
    "merge",
    "feature",
    "wip",
}
_REFS = {"heads", "remotes", "origin", "features", "bugfix", "topic", "maintenance", "dependabot", "renovate"}
_COPIES = {"backup", "backups", "archive", "attic", "old", "test", "testing", "tmp", "draft", "experimental"}
_BUILDS = {"build", "rev", "ci", "deploy"}
PACKAGERS = {"debian", "ubuntu", "fedora", "redhat", "centos", "rhel", "suse", "opensuse", "gentoo", "arch", "alpine"}
_TICKETS = {"cve", "ghsa", "pep", "rfc", "issue", "issues", "bug", "bugs", "pr", "pull", "fix", "patch", "hotfix"}
_STAGES = {"alpha", "beta", "rc", "unstable", "edge", "canary", "preview", "prerelease", "candidate", "staging"}
_FAILURES = {"notfound", "unknown", "none", "null", "broken", "bad", "undefined", "unreleased"}
_ENDS = {"eol", "eom", "end", "merged", "maintenance", "fixes", "lts", "root", "tip", "revision", "checkpoint", "next"}
_SYSTEMS = {"git", "svn", "hg", "bzr", "cvs"}

NO_RELEASE = _MOMENTS | _BRANCHES | _REFS | _COPIES | _BUILDS | PACKAGERS | _TICKETS | _STAGES | _FAILURES
"""Before a number they name a moment, a branch, a packager or a ticket, never a project whose release follows."""

PROSE = {"in", "on", "at", "of", "to", "for", "from", "with", "without", "and", "or", "not", "into", "import", "merge"}
"""One of several words of a tag that tells what was done, as `import-x-in-macosx-10.5` does."""

TURNS = {"before", "after", "branch", "merge", "nightly", "snapshot", "pre", "backup"}
"""The same, as the last of several words."""

STOPS = _FAILURES | _STAGES | _ENDS | _SYSTEMS | _MOMENTS | _BRANCHES | _COPIES | {"fix"}
"""After a version they say that it isn't the release."""

# A local label sorts above the release, so a word that says "not there yet" can't become one.
EARLY = re.compile(
    r"(?:pre|alpha|beta|rc|cand|dev|branch|snap|night|miles|unstable|early|draft|insider|m[0-9]|ea[0-9p]?).*",
    re.IGNORECASE,
)
PLATFORM = (
    r"(?:mac|macos|macosx|osx|darwin|win|windows|linux|manylinux|musllinux|freebsd|openbsd|netbsd|solaris|smartos|android"
    r"|ios|arm|armv|arm64|aarch64|amd64|x86|x64|i386|i686|riscv|ppc|s390x|jre|jdk|redhat)(?![a-z])"
)
"""A pattern of platforms and rebuilders: behind a version they begin the name of a build of it."""
