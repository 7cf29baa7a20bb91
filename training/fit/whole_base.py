"""From a fit on a base in 4 bits to the same adapter on the base as it is stored.

That is what an artifact holds and what serves, so calibration and the kept check have to be of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict

from training.fit.loop import FitData, FitRun, Fitted, check_again
from training.model.errors import OutOfMemory
from training.model.guards import naming_memory
from training.model.heads import ThreeHeads, add_lora
from training.model.hub import LoadedBase, Opened, load_base
from training.model.settings import FitSettings


@dataclass(frozen=True, slots=True)
class OnWholeBase:
    """A fit on the base as it is stored, and the AUC that its kept check had in 4 bits."""

    base: LoadedBase
    fitted: Fitted
    auc_in_four_bits: float


def put_on_whole_base(
    fitted: Fitted, opened: Opened, data: FitData, settings: FitSettings, place: FitRun
) -> OnWholeBase:
    """Reads the base again, whole, puts the adapter on it and checks it once more; the other checks
    stay those in 4 bits. One process. Raises FitError."""
    device = place.accelerator.device
    dtype = settings.dtype_on(device)
    adapter = {
        name: tensor.cpu()
        for name, tensor in get_peft_model_state_dict(
            fitted.model, save_embedding_layers=False
        ).items()
    }
    try:
        with naming_memory(settings.batch_tokens, "loading the base"):
            base = load_base(opened, dtype)
            base.model.to(device)
    except OutOfMemory as error:
        raise OutOfMemory(
            f"the fit in 4 bits is done, and the base, which serves whole, does not fit the "
            f"memory of {device} in {str(dtype).removeprefix('torch.')}; run the same command with "
            "the same --work where it does: it continues from here"
        ) from error
    model = ThreeHeads(add_lora(base.model, settings), settings).to(device)
    set_peft_model_state_dict(model.lm, adapter)
    fitted.head.write_to(model.point)
    fitted.pair_head.write_to(model.pair)
    kept = fitted.checks[fitted.best]
    again = check_again(model, data, kept.step)
    place.log(
        f"fit: on the whole base the check at step {kept.step} has log loss {again.log_loss:.5f} "
        f"({kept.log_loss:.5f} in 4 bits), AUC {again.auc_of(settings.serve):.4f} "
        f"({kept.auc_of(settings.serve):.4f})"
    )
    checks = (*fitted.checks[: fitted.best], again, *fitted.checks[fitted.best + 1 :])
    whole = Fitted(model.lm, fitted.head, fitted.pair_head, fitted.probe, checks, fitted.best)
    return OnWholeBase(base, whole, kept.auc_of(settings.serve))
