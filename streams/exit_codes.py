"""The exit codes of all commands and role processes. Usage errors are click's 2."""

OK = 0
"""Done."""

NO = 1
"""The command worked and the answer is no: `doctor` or `topics check` found a fault, the oracle a
difference."""

USAGE = 2
"""A wrong option, argument or setting."""

CRASH = 70
"""An error nobody expected (sysexits EX_SOFTWARE): a role is restarted."""

AWAY = 75
"""Kafka or Redis stayed away, or went back in time (EX_TEMPFAIL): a role is restarted."""

UNUSABLE = 78
"""A person has to act first (EX_CONFIG); restarting does not help."""

FINAL = frozenset({USAGE, UNUSABLE})
"""The codes of roles that a restart does not help."""
