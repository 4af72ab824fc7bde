"""One line for an error that a person can mend."""

import errno
import re
from difflib import get_close_matches
from pathlib import Path
from tempfile import gettempdir

from hydra.errors import HydraException, InstantiationException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from coursewright.errors import InputError, reject, unknown, unsettable
from coursewright.scripts.manual import CONFIGS
from coursewright.scripts.moved import new_address

FULL = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)
MERGED = re.compile(r"Error merging override \+*([^=]+)=(.*)", re.DOTALL)


def explanation(error: BaseException) -> str | None:
    """One line for an error that the person can mend; None for one that we have to."""
    chain = _chain(error)
    for cause in chain:
        if isinstance(cause, InputError):
            return str(cause)
    for cause in chain:
        if isinstance(cause, MissingConfigException):
            wanted = str(cause.missing_cfg_file or "")
            group, _, name = wanted.rpartition("/")
            if group == "hydra/launcher" and name.startswith("submitit_"):
                return str(reject(group, name, "installed first (pip install 'coursewright[cluster]')"))
            return str(
                unknown(group or "config", name.removesuffix(".yaml"), list(cause.options or _groups()))
            )
        if (
            isinstance(cause, OmegaConfBaseException)
            and cause.key is not None
            and cause.parent_node is not None
        ):
            return _about_key(cause)
    if isinstance(error, InstantiationException):
        return _about_target(error, chain[1:])
    for cause in chain if "configure handler" in str(error) else [error]:  # of a log file
        if isinstance(cause, OSError) and cause.errno is not None:
            return _about_system(cause)
    if isinstance(error, TypeError) and "unexpected keyword argument" in str(error):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        if (found := MERGED.fullmatch(str(error))) is not None:
            kind = "a mapping, such as {name: value}" if any("=dict" in str(e) for e in chain) else "a list"
            if found[1].startswith("space."):  # a range and a list of choices do not merge
                kind += f"; ~{found[1]} +{found[1]}=VALUE puts another kind in its place"
            return str(reject(found[1], found[2], kind))
        text = str(error).split("\nset env variable")[0]
        lines = [line.strip() for line in text.splitlines() if line.strip() and "full_key" not in line]
        return _nearest_group(" ".join(dict.fromkeys(lines)))
    return None


def _chain(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _about_target(error: InstantiationException, causes: list[BaseException]) -> str | None:
    """A target that cannot be found, or that does not take its arguments; else it is a fault of ours."""
    text = " ".join(line for line in str(error).splitlines() if line.strip())
    named = text.split("'")[1] if text.count("'") >= 2 else text
    if "locating target" in text or "callable target" in text:  # a module may have taken a function's name
        for address in text.split("'"):
            if (moved := new_address(address)) is not None:
                whole = (
                    " (an agent's options stand beside it, without _partial_)" if ".agents." in moved else ""
                )
                return f"_target_ = {address}: has moved since this was written; it is now {moved}{whole}"
    for cause in causes:
        if isinstance(cause, ImportError | AttributeError) and "locating target" in text:
            return f"_target_ = {named}: cannot be imported ({str(cause).splitlines()[-1]})"
    if "locating target" in text:
        return f"_target_ = {named}: cannot be imported"
    if any(isinstance(cause, TypeError) and "argument" in str(cause) for cause in causes):
        return f"_target_ = {named}: {next(c for c in causes if isinstance(c, TypeError))}"
    return None


def _about_system(error: OSError) -> str:
    """A refusal of the system's; a full disk does not say which."""
    words = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {words}"
    if error.errno in FULL:
        places = f"below {Path.cwd()}, or in {gettempdir()}"
        return f"{words} ({places}); hydra.run.dir=FOLDER and TMPDIR name other places"
    return words


def _about_key(error: OmegaConfBaseException) -> str:
    key = str(error.full_key or error.key)
    known = [str(k) for k in error.parent_node] if isinstance(error.parent_node, DictConfig) else []
    if isinstance(error, MissingMandatoryValue):
        return f"{key} = ???: must be given ({key}=...)"
    if str(error.key) in known:
        return f"{key}: {str(error).splitlines()[0]}"
    return str(unsettable(key, known))


def _groups() -> list[str]:
    return sorted(p.name for p in CONFIGS.iterdir() if p.is_dir() and not p.name.startswith("_"))


def _nearest_group(text: str) -> str:
    quoted = text.split("'")[1] if text.count("'") >= 2 else ""
    near = get_close_matches(quoted, _groups(), n=1)
    return f"{text} (did you mean {near[0]!r}?)" if near and near[0] != quoted else text
