"""What `asllr try` does once the exports are read: learns where outcomes let it, judges by daily
lists, ranks today's leads, and keeps what came of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from schemas.events import EventBase
from schemas.field_names import is_field_name
from schemas.ids import LeadKey
from schemas.timestamps import DAY_MS, from_ms
from scoring.artifact import ArtifactError, load_manifest
from scoring.backtest.daily_calls import CallTerms
from scoring.backtest.judged_trial import JudgedTrial
from scoring.backtest.learning import (
    BaseRequest,
    CannotLearn,
    Fitter,
    LearnedModel,
    LearnRequest,
)
from scoring.engines.loading import load_scorer
from scoring.prompt.rendering import Rendering, language_model_rendering, newest_rendering
from scoring.score import Scorer
from streams import exit_codes
from streams.backtest.held_out import is_learned, judge_held_out, of_first_moment
from streams.backtest.judging import judged_trial
from streams.backtest.learning import (
    first_judged_day,
    known_before,
    with_creation,
    without_fields,
)
from streams.backtest.trial import DEMO, OWN, RULE, CannotTell, ExportTrial, daily_lists
from streams.cli.artifacts import SHIPPED, SHIPPED_FOR, find_artifact
from streams.cli.exports.own_model import own_model
from streams.cli.exports.try_base import (
    as_many_leads_as_can_be_read,
    as_many_lists_as_can_be_read,
    base_line,
    base_request,
    decided,
    is_heard,
    rank_read,
)
from streams.cli.exports.try_domain import SpokenDomain
from streams.cli.exports.try_request import TryRequest, check_learnable
from streams.cli.front import Failure, current_settings
from streams.cli.progress import TerminalProgress
from streams.importers.spool.events import EventSpool
from streams.importers.tables.events import TENANT
from streams.importers.tables.exports import Exports
from streams.recording.event_file import RecordingError, history
from streams.recording.folder import new_folder
from streams.recording.record import record_events
from streams.replay.rank_by_lead import BoardTerms, rank_by_lead
from streams.replay.rank_file import RankedFile, rank_events
from streams.reports.try_text import Found, OwnModel

NEEDS_OUTCOMES = "needs --outcomes, which says who ordered when"
UNDATED = "outcomes or leads have no dates, so nobody knows who was still open on which day"
ARTIFACT, RECORDING = "artifact", "recording"


def try_artifact(exports: Exports, request: TryRequest, artifact: str) -> Found:
    """Ranks by an artifact that there is, and judges it beside calling the newest first."""
    is_shipped = artifact == SHIPPED
    path, scorer = _loaded(artifact)
    name = DEMO if is_shipped else path.resolve().name
    terms = CallTerms(request.capacity, scorer.horizon_days)
    until = None if is_shipped else load_manifest(path).data_window.end
    trial = ExportTrial({name: scorer}, terms, request.days, until)
    judged, why_not = None, UNDATED if exports.read.won else NEEDS_OUTCOMES
    if exports.mapping.has_times and exports.mapping.has_dated_outcomes:
        judged, why_not = _judged(exports.read.events, trial)
    events, closings = exports.read.events, exports.read.closings()
    if events.are_filed:
        closing = {one.key: one for one in closings}
        leads = (
            (key, [*mine, closing[key]] if key in closing else mine)
            for key, mine in events.by_lead()
        )
        terms_of_boards = BoardTerms(max(1, request.top), request.top)
        ranked = rank_by_lead(leads, events[-1].occurred_at, scorer, terms_of_boards)
    else:
        ranked = rank_events(map(history, (*events, *closings)), scorer, top=request.top)
    _save(request.save, path, exports.read.events)
    return Found(name, ranked, terms, exports.read, judged, why_not, is_demo=is_shipped)


def try_own(exports: Exports, spoken: SpokenDomain, request: TryRequest, fitter: Fitter) -> Found:
    """Learns a model of the user's own where outcomes let it, else goes by the rule."""
    if "outcomes" in exports.tables:
        check_learnable(exports.read.events)
    work = _Work(exports, spoken, request, fitter)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="asllr-try-")))
        if "outcomes" not in exports.tables:
            why = "without --outcomes there is nothing to learn from"
            if request.base is not None:
                why += ", for the base neither"
            return work.by_rule(folder, why, NEEDS_OUTCOMES)
        try:
            work.leave_out()
            return work.by_own(folder)
        except CannotLearn as error:
            return work.by_rule(folder, str(error))


@dataclass(slots=True)
class _Work:
    exports: Exports
    spoken: SpokenDomain
    request: TryRequest
    fitter: Fitter
    left_out: dict[str, str] = field(default_factory=dict)

    base: BaseRequest | None = field(default=None, init=False)
    rendering: Rendering = field(init=False)
    events: Sequence[EventBase] = field(init=False)

    def __post_init__(self) -> None:
        domain, created = self.spoken.domain, self._created
        self.rendering = newest_rendering(domain)
        self.events = self.exports.read.events
        if created is not None and "outcomes" in self.exports.tables:
            own = {"own_fields": (created, *domain.own_fields)}
            self.rendering = newest_rendering(domain.model_copy(update=own))
            self.events = list(with_creation(self.events, created))

    @property
    def _created(self) -> str | None:
        """The field that says when a lead came in; None where the export does not."""
        column = self.exports.mapping.leads.columns.get("created_at")
        return column if column and is_field_name(column) else None

    @property
    def _undated(self) -> dict[LeadKey, bool]:
        return {LeadKey(TENANT, lead): won for lead, won in self.exports.read.won.items()}

    @property
    def _terms(self) -> CallTerms:
        return CallTerms(self.request.capacity, self.spoken.domain.horizon_days)

    def leave_out(self) -> None:
        """Leaves out the fields that know the outcome. The moment a lead came in is known before
        any, whatever its dates have in common by chance."""
        asked = LearnRequest(self.rendering, self._undated)
        found = self.fitter.hindsight(self.events, asked)
        self.left_out = {name: why for name, why in found.items() if name != self._created}
        self.events = list(without_fields(self.events, self.left_out))

    def by_own(self, folder: Path) -> Found:
        still_open = self._open
        base, said = base_request(self.events, still_open, self.request, folder)
        if said:
            _say(said)
        if base is not None:
            self.rendering = language_model_rendering(self.rendering.domain)
        self.base = base
        judge = self._judge_undated if self._undated else self._judge
        learned, judged, why_not, terms = judge(folder)
        asked = LearnRequest(self.rendering, self._undated, base=base)
        if learned is not None:
            asked = replace(asked, baseline=learned.baseline, base=decided(base, learned))
        _say("learning from all that the exports know")
        final = self.fitter.learn(self.events, asked, folder / OWN_DIR)
        scorer = load_scorer(folder / OWN_DIR)
        if is_heard(final):
            ranked = rank_read(still_open, scorer, final, self.request.top)
        else:
            _say("ranking")
            ranked = rank_events(map(history, still_open), scorer, top=self.request.top)
        model = replace(
            own_model(self.exports, self._created, scorer, (final, learned)),
            base=base_line(said, learned, final),
        )
        self._keep(folder / OWN_DIR)
        return self._found(OWN, ranked, (judged, why_not, terms), own=model)

    def by_rule(self, folder: Path, why: str, why_not: str = "") -> Found:
        """Ranks by the rule; judges it where outcomes have dates and no reason is given."""
        scorer = self._rule(folder)
        judged = None
        if not why_not and self._undated:
            why_not = "the outcomes have no dates, and nothing was learned from them"
        if not why_not:
            trial = ExportTrial({RULE: scorer}, self._terms, self.request.days)
            judged, why_not = _judged(self.events, trial)
        ranked = self._by_rule(scorer)
        self._keep(folder / RULE_DIR)
        return self._found(RULE, ranked, (judged, why_not, self._terms), why_rule=why)

    def _by_rule(self, scorer: Scorer) -> RankedFile:
        events = self.events
        if isinstance(events, EventSpool) and events.are_filed:
            terms = BoardTerms(max(1, self.request.top), newest_of_equals=True)
            return rank_by_lead(events.by_lead(), events[-1].occurred_at, scorer, terms)
        return rank_events(map(history, self._open), scorer, newest_of_equals=True)

    def _found(
        self,
        name: str,
        ranked: RankedFile,
        judgement: tuple[JudgedTrial | None, str, CallTerms],
        *,
        own: OwnModel | None = None,
        why_rule: str = "",
    ) -> Found:
        judged, why_not, terms = judgement
        return Found(
            name,
            ranked,
            terms,
            self.exports.read,
            judged,
            why_not,
            own=own,
            why_rule=why_rule,
            left_out=self.left_out,
            saved=self.request.save,
            is_held_out=bool(self._undated) and judged is not None,
        )

    def _judge(
        self, folder: Path
    ) -> tuple[LearnedModel | None, JudgedTrial | None, str, CallTerms]:
        """What daily calls would have reached, by a model that knew what was known before them."""
        day = first_judged_day(self.events, self._terms.horizon_days, self.request.days)
        asked = LearnRequest(self.rendering, {}, until_ms=day * DAY_MS, base=self.base)
        early = known_before(self.events, day)
        date = f"{from_ms(day * DAY_MS):%Y-%m-%d}"
        if early:
            _say(f"learning from what was known on {date}, to judge it")
        else:
            _say(f"no lead came before {date}, from where on lists can be judged")
        try:
            learned = self.fitter.learn(early, asked, folder / "early")
        except CannotLearn as error:
            why = f"before {from_ms(day * DAY_MS):%Y-%m-%d} {error}; the lists after it would judge"
            return None, None, why, self._terms
        scorers = {OWN: load_scorer(folder / "early"), RULE: self._rule(folder)}
        shipped = SHIPPED_FOR.get(self.spoken.domain.name)
        if shipped is not None and self.spoken.is_spoken:
            scorers[DEMO] = _loaded(shipped)[1]
        trial = ExportTrial(scorers, self._terms, self.request.days, from_day=day)
        if is_heard(learned):
            with as_many_lists_as_can_be_read(self.events, trial, learned) as fewer:
                return learned, *_judged(self.events, fewer), self._terms
        return learned, *_judged(self.events, trial), self._terms

    def _judge_undated(
        self, folder: Path
    ) -> tuple[LearnedModel | None, JudgedTrial | None, str, CallTerms]:
        """The same without dates: by leads that were held out by chance."""
        known = self._undated
        held_out = {key: won for key, won in known.items() if not is_learned(key)}
        asked = LearnRequest(
            self.rendering,
            {key: won for key, won in known.items() if is_learned(key)},
            base=self.base,
        )
        _say("learning from part of the leads, to judge it by the others")
        early = [event for event in self.events if is_learned(event.key)]
        try:
            learned = self.fitter.learn(early, asked, folder / "early")
            if is_heard(learned):
                held_out = as_many_leads_as_can_be_read(held_out, learned)
            scored = of_first_moment(self.events, held_out, load_scorer(folder / "early"))
            judged, terms = judge_held_out(held_out, {OWN: scored})
        except CannotLearn as error:
            return None, None, f"of the leads to learn from {error}", self._terms
        except CannotTell as error:
            return None, None, str(error), self._terms
        return learned, judged, "", terms

    @property
    def _open(self) -> Sequence[EventBase]:
        """The events of leads that are still to be called: outcomes without a date close nobody in
        the events. Where every lead has one, those that were not won."""
        won = self._undated
        if not won:
            return self.events
        is_open = [event for event in self.events if event.key not in won]
        if is_open:
            return is_open
        _say("every lead has an outcome: ranked are those that were not won")
        return [event for event in self.events if not won[event.key]]

    def _rule(self, folder: Path) -> Scorer:
        if not (folder / RULE_DIR).exists():
            self.fitter.write_rule(newest_rendering(self.spoken.domain), folder / RULE_DIR)
        return load_scorer(folder / RULE_DIR)

    def _keep(self, artifact: Path) -> None:
        _save(self.request.save, artifact, self.events)


OWN_DIR, RULE_DIR = "own", "rule"


def _save(folder: Path | None, artifact: Path, events: Sequence[EventBase]) -> None:
    """Keeps artifact and recording in `folder`, which appears complete or not at all."""
    if folder is None:
        return
    try:
        with new_folder(folder) as part:
            shutil.copytree(artifact, part / ARTIFACT)
            record_events(map(history, events), part / RECORDING, n_partitions=1)
    except RecordingError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    except OSError as error:
        raise Failure(
            f"{folder} cannot be written: {error.strerror or error}", exit_codes.UNUSABLE
        ) from error


def _judged(events: Sequence[EventBase], trial: ExportTrial) -> tuple[JudgedTrial | None, str]:
    progress = TerminalProgress("replayed", "events", len(events))
    try:
        lists = daily_lists(events, trial, progress.advance)
        return judged_trial(lists, trial.terms, trial.name), ""
    except CannotTell as error:
        return None, str(error)
    finally:
        progress.close()


def _loaded(artifact: str) -> tuple[Path, Scorer]:
    path = find_artifact(artifact, current_settings().artifacts)
    try:
        return path, load_scorer(path)
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error


def _say(line: str) -> None:
    click.echo(line, err=True)
