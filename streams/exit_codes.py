"""What the exit code of every command and role process means. Usage errors are click's 2."""

OK = 0
"""Done."""

NO = 1
"""The question was answered, and the answer is no: `doctor`, `topics check`, an oracle's no."""

USAGE = 2
"""A wrong option, argument or setting."""

CRASH = 70
"""An error nobody expected (sysexits EX_SOFTWARE): a role is restarted."""

AWAY = 75
"""Kafka or Redis stayed away, or went back in time (EX_TEMPFAIL): a role is restarted."""

UNUSABLE = 78
"""A person has to act first (EX_CONFIG); restarting does not help."""

FINAL = frozenset({USAGE, UNUSABLE})
"""What restarting a role cannot mend."""
