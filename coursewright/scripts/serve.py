"""`coursewright serve`: a tutor file that teaches live learners, over HTTP."""

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained


@hydra.main(version_base="1.3", config_path="../configs", config_name="serve")
@explained
def main(config: DictConfig) -> None:
    """Answer until a signal comes."""
    from coursewright.live.guard import Limits
    from coursewright.live.service import Service
    from coursewright.live.serving import serve

    service = Service(
        policy=config.policy,
        store=config.store,
        key=config.key,
        token=config.token,
        teachers=config.teachers,
        min_group=config.min_group,
        explore=float(config.explore),
        renew=config.renew,
        limits=Limits(**config.limits),
        access=config.access,
    )
    serve(service, config.host, config.port, config.workers)
