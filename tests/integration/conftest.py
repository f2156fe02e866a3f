from fixtures import run_driver, spawn_driver, workspace  # noqa: F401
