"""How a Gemini model is asked for images: in the words that OpenRouter gave chat completions for it, `modalities` and
`image_config`, or by the tool `image_generation` of responses."""

from collections.abc import Mapping
from typing import Any, Final

from triops.adapters.providers.leaving import no_word
from triops.kernel.errors import Invalid

IMAGES_ASKED: Final = frozenset({"modalities", "image_config"})
_KINDS = {"text": "TEXT", "image": "IMAGE"}
_CONFIG = {"aspect_ratio": "aspectRatio", "image_size": "imageSize"}


def is_image_tool(name: str, value: Any) -> bool:
    """Of a member without a word: responses' own tool that draws."""
    return name.startswith("tools[") and isinstance(value, dict) and value.get("type") == "image_generation"


def asked_images(extra: Mapping[str, Any], dropped: list[str]) -> dict[str, Any]:
    """Members of `generationConfig`. Raises: Invalid."""
    asked: dict[str, Any] = {}
    for name, value in extra.items():
        if is_image_tool(name, value):
            asked["responseModalities"] = ["TEXT", "IMAGE"]
            dropped += [f"{name}.{member}" for member in value if member != "type"]
    if (kinds := extra.get("modalities")) is not None:
        if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):
            raise Invalid("not a list of modalities", field="modalities", got=kinds, expected="text, image")
        if not all(kind in _KINDS for kind in kinds):
            raise no_word("modalities", kinds, "text, image")
        if kinds != ["text"]:
            asked["responseModalities"] = [_KINDS[kind] for kind in dict.fromkeys(kinds)]
    if (config := extra.get("image_config")) is not None:
        if not isinstance(config, dict):
            raise Invalid("not an object", field="image_config", got=config, expected=", ".join(_CONFIG))
        for name in config:
            if name not in _CONFIG:
                raise no_word(f"image_config.{name}", config[name], ", ".join(_CONFIG))
        asked["imageConfig"] = {_CONFIG[name]: value for name, value in config.items() if value is not None}
    return asked
