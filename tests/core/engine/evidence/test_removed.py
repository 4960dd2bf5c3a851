"""What goes with a part that is removed, replaced or made otherwise: parameters and operations, both ways."""

from collections.abc import Callable

STUDY = """\
baseline:
  encoder: {name: variational_mlp, width: 8, dropout: 0.0}
  fusion: {name: proxy_attention, dropout: 0.0, heads: 2}
  losses: {emotion: cross_entropy, kl: kl_prior}
  train: {epochs: 4, batch_size: 16}
ablations:
  a:
    cells:
      - {label: plain, set: {fusion: uncertainty}}
      - {label: no gate, set: {fusion.proxy: {name: uncertainty}}}
      - {label: mlp, set: {encoder: {name: mlp, width: 8}, fusion: mean, losses.kl: null}}
      - {label: wide, set: {encoder.width: 16}}
      - {label: warm, set: {fusion.proxy.temperature: 2.0}}
"""


def test_replaced_and_changed_parts_are_counted(prove: Callable) -> None:
    proof = prove(STUDY)

    def counted(label: str) -> tuple[str, dict]:
        (found,) = (one for one in proof.told("what leaves", label) if "operations" in one.details)
        return found.message, found.details

    message, numbers = counted("plain")
    assert message.startswith("another fusion (proxy_attention, uncertainty): ")
    assert numbers["parameters"] > 400
    assert numbers["new"] == 0
    assert numbers["operations"][1] < numbers["operations"][0]
    message, numbers = counted("no gate")
    assert message.startswith("another fusion.proxy (gated_uncertainty, uncertainty): ")
    assert numbers["parameters"] > 0
    message, numbers = counted("mlp")
    assert message.startswith("without losses.kl; another encoder.audio (variational_mlp, mlp), another encoder.text")
    assert numbers["parameters"] > numbers["new"] > 0
    message, numbers = counted("wide")
    assert "encoder.audio set otherwise" in message
    assert numbers["new"] > numbers["parameters"] == 0
    assert not [one for one in proof.told("what leaves", "warm") if "operations" in one.details]


def test_an_inner_part_that_is_set_to_nothing_is_counted(prove: Callable) -> None:
    proof = prove(
        "baseline:\n  encoder: {name: mlp, width: 8, dropout: 0.0}\n  fusion: {name: outer, beside: concat}\n"
        "  losses: {emotion: cross_entropy}\n  train: {epochs: 4, batch_size: 16}\n"
        "ablations: {a: {cells: [{label: bare, set: {fusion.beside: null}}]}}\n"
    )
    (found,) = (one for one in proof.told("what leaves", "bare") if "operations" in one.details)
    assert found.message.startswith("without fusion.beside: 272 parameters and ")
