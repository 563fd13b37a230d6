"""An exported model stops where training taught it to."""

import pytest
from transformers import GenerationConfig

from headtohead.export.merged import stop_at


@pytest.mark.parametrize(("named", "stops"), [(None, [7]), (5, [7, 5]), ([5, 6], [7, 5, 6]), (7, 7), ([5, 7], [5, 7])])
def test_generation_stops_at_the_trained_end(named: int | list[int] | None, stops: int | list[int]):
    generation = GenerationConfig(eos_token_id=named)
    stop_at(7, generation)
    assert generation.eos_token_id == stops
