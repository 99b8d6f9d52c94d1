"""What the answers and the pages about pipelines are asked with."""

from typing import Annotated

from fastapi import Depends, Path

from api.core.params import RunFilter, run_filter

Name = Annotated[str, Path(max_length=1000, description="As lists of runs show it")]
Filter = Annotated[RunFilter, Depends(run_filter)]
