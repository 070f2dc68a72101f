"""The figures as one Markdown table, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .shape import Figure

_MET = {"bold": "达到", "minimum": "过线", "no": "未到"}


def page(figures: Sequence[Figure], skipped: Mapping[str, str], seconds: float) -> str:
    """Every figure a line, then what was skipped and how long it took."""
    lines = [
        "| 项目 | 在哪测 | 我们（95 % 区间） | 同次对照 | 别人发表的 | 目标（底线） | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_line(figure) for figure in figures]
    lines += ["", *(f"跳过 {name}：{why}" for name, why in skipped.items())]
    return "\n".join([*lines, f"共用 {seconds:.0f} 秒。"]) + "\n"


def _line(figure: Figure) -> str:
    ours = f"**{_number(figure.ours, figure.unit)}**"
    if figure.ci:
        ours += f"（{_number(figure.ci[0], '')}–{_number(figure.ci[1], '')}）"
    rivals = "；".join(f"{k} {_number(v, '')}" for k, v in figure.baselines.items())
    others = "；".join(f"{name} {value}" for name, value in figure.published.items())
    bar, met = "", ""
    if figure.bar:
        edge = "≤ " if figure.bar.lower else "≥ "
        bar = f"{edge}{figure.bar.bold:g}（{figure.bar.minimum:g}）"
        met = _MET[figure.bar.met(figure.ours)]
    name = f"{figure.name}：{figure.note}" if figure.note else figure.name
    return (
        f"| {name} | {figure.on}，{figure.rows} 条 | {ours} | {rivals} | {others} | {bar} | {met} |"
    )


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}{' ' + unit if unit else ''}"
