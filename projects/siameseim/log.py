"""Lines in the log of the run, or of the tool that runs."""

from mmengine.logging import MMLogger


def tell(text: str) -> None:
    """Log what a user may want to know."""
    MMLogger.get_current_instance().info(text)


def warn(text: str) -> None:
    """Log what a user should look into."""
    MMLogger.get_current_instance().warning(text)
