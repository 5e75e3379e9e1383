"""Asterisk's own sounds, in a root of our own: the packages' recordings, and in German what they lack.

The German package has no beep and not all of what the mailbox says; the rest is spoken by the town's voice.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from orchestrator.compile import sounds, speech

PACKAGES = {"de": "de", "en": "en_US_f_Allison"}
"""Language -> the folder of its package below Asterisk's sounds."""

MISSING: Mapping[str, Mapping[str, str]] = {
    "de": {
        "budget-spent": "Von diesem Telefon sind zurzeit keine weiteren Auslandsgespräche möglich.",
        "call-back-failed": "Ein versprochener Rückruf ist nicht gelungen. Bitte rufen Sie zurück.",
        "code-unknown": "Diese Kennziffer gibt es nicht. Bitte sehen Sie auf Ihrer Tastenkarte nach.",
        "completion-none": "Ein Rückruf ist hier nicht möglich.",
        "completion-off": "Es ist kein Rückruf mehr vorgemerkt.",
        "completion-set": "Sie werden angerufen, sobald der Anschluss frei ist.",
        "not-allowed": "Diese Rufnummer ist von diesem Telefon nicht freigegeben.",
        "outside-closed": "Gespräche dieser Art sind zurzeit für das ganze Haus gesperrt. Notrufe gehen immer.",
        "pickup-nothing": "Zurzeit klingelt kein Anruf, den Sie heranholen können.",
        "pickup-refused": "Anrufe für diese Nummer können Sie von diesem Telefon nicht heranholen.",
        "use-a-mobile": "Der Notruf ist von hier nicht möglich. Bitte wählen Sie ihn sofort mit einem Mobiltelefon.",
        "waiting-empty": "Zurzeit wartet niemand.",
        "waiting-expected": "Die voraussichtliche Wartezeit beträgt etwa",
        "waiting-in": "Sie sind angemeldet und bekommen Anrufe.",
        "waiting-minute": "Minute.",
        "waiting-minutes": "Minuten.",
        "waiting-next": "Sie sind als Nächstes an der Reihe.",
        "waiting-no-member": "An diesem Telefon gibt es bei den Warteschlangen nichts zu schalten.",
        "waiting-of": "in der Warteschlange.",
        "waiting-out": "Sie sind abgemeldet.",
        "waiting-paused": "Ihre Pause hat begonnen. Sie bekommen keine Anrufe.",
        "waiting-place": "Sie sind an Stelle",
        "waiting-refused": "Anrufer dieser Warteschlange können Sie von diesem Telefon nicht übernehmen.",
        "vm-duration": "Diese Nachricht dauert",
        "vm-invalid-password": "Diese Geheimzahl ist zu kurz oder zu einfach.",
        "vm-listen": "Um sie anzuhören",
        "vm-marked-nonurgent": "Die Nachricht ist nicht mehr als dringend gekennzeichnet.",
        "vm-marked-urgent": "Die Nachricht ist als dringend gekennzeichnet.",
        "vm-msgforwarded": "Die Nachricht wurde weitergeleitet.",
        "vm-nomessages": "Keine Nachrichten.",
        "vm-onefor-full": "Um Ihre Nachrichten anzuhören, wählen Sie die 1.",
        "vm-opts-full": "Um Ordner zu wechseln, wählen Sie die 2. Für Einstellungen die 0. Zum Beenden die Raute.",
        "vm-pls-try-again": "Bitte versuchen Sie es noch einmal.",
        "vm-prepend-timeout": "Die Zeit ist abgelaufen. Bitte versuchen Sie es noch einmal.",
        "vm-review-nonurgent": "Um die Dringlichkeit aufzuheben, wählen Sie die 4.",
        "vm-review-urgent": "Um die Nachricht als dringend zu kennzeichnen, wählen Sie die 4.",
        "vm-tempgreetactive": "Ihre vorübergehende Begrüßung ist eingeschaltet.",
        "vm-tmpexists": "Es gibt eine vorübergehende Begrüßung.",
    },
    "en": {
        "budget-spent": "No more calls abroad are possible from this phone at present.",
        "call-back-failed": "A call back that was promised did not succeed. Please call back.",
        "code-unknown": "This code does not exist. Please look at your card of codes.",
        "completion-none": "No call back is possible here.",
        "completion-off": "No call back is wished any more.",
        "completion-set": "You will be called as soon as the line is free.",
        "not-allowed": "This number may not be called from this phone.",
        "outside-closed": "Calls of this kind are closed for the whole house at present. Emergency calls always work.",
        "pickup-nothing": "No call is ringing at present that you can pick up.",
        "pickup-refused": "Calls to this number cannot be picked up from this phone.",
        "use-a-mobile": "The emergency call cannot be made from here. Please make it at once with a mobile phone.",
        "waiting-empty": "Nobody is waiting at present.",
        "waiting-expected": "The expected waiting time is about",
        "waiting-in": "You are logged in and get calls.",
        "waiting-minute": "minute.",
        "waiting-minutes": "minutes.",
        "waiting-next": "You are next in line.",
        "waiting-no-member": "There is nothing to switch for waiting queues at this phone.",
        "waiting-of": "in the queue.",
        "waiting-out": "You are logged out.",
        "waiting-paused": "Your break has begun. You get no calls.",
        "waiting-place": "You are number",
        "waiting-refused": "Callers of this queue cannot be taken from this phone.",
        "vm-listen": "To listen to it",
        "vm-nomessages": "No messages.",
        "vm-prepend-timeout": "The time is over. Please try again.",
    },
}
"""Sounds that the packages lack, and what the voice says instead."""

ORDINALS: Mapping[str, Mapping[int, str]] = {
    "de": {
        **{
            20 + n: f"{unit}undzwanzigster"
            for n, unit in enumerate(("ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"), 1)
        },
        31: "einunddreißigster",
    },
    "en": {
        **{
            20 + n: f"twenty-{unit}"
            for n, unit in enumerate(
                ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"), 1
            )
        },
        31: "thirty-first",
    },
}
"""Days of the month that the packages put together out of two words, which a voice says in one."""

BEEP_HZ, BEEP_SECONDS = 1000.0, 0.4


def build(share: Path, workshop: sounds.Workshop) -> None:
    """Make the sound root from Asterisk's `share` folder; what is there already stays."""
    for language, folder in PACKAGES.items():
        source = share / "sounds" / folder
        for path in source.rglob("*"):
            if path.is_file():
                sounds.place(path, workshop.root / language / path.relative_to(source))
        ordinals = {f"digits/h-{day}": text for day, text in ORDINALS[language].items()}
        for name, text in {**MISSING[language], **ordinals}.items():
            target = workshop.root / language / name
            if not target.with_suffix(".alaw").exists():
                sounds.store(*speech.speak(workshop.voice, text, language), target)
        _tones(workshop.root / language)
    _hold_music(workshop.root.parent / "moh")


def names(root: Path, language: str) -> frozenset[str]:
    """Every sound that `language` has, as Asterisk names them."""
    folder = root / language
    return frozenset(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.*") if path.is_file())


def _hold_music(folder: Path) -> None:
    """What a caller on hold hears, until the admin puts music of the town's own there: a soft chime, and a pause."""
    if folder.is_dir() and any(folder.iterdir()):
        return
    rate = 16000
    chime = np.zeros(rate * 6)
    for number, hertz in enumerate((523.25, 659.25, 783.99, 659.25)):
        time = np.arange(rate * 2) / rate
        begin = int(number * 0.45 * rate)
        chime[begin : begin + len(time)] += 0.2 * np.sin(2 * np.pi * hertz * time) * np.exp(-2.5 * time)
    sounds.store(chime.astype(np.float32), rate, folder / "chime")


def _tones(folder: Path) -> None:
    """The beep after which a message is recorded, an error tone, and a second of silence."""
    rate = 16000
    time = np.arange(int(BEEP_SECONDS * rate)) / rate
    for name, tone in {
        "beep": np.sin(2 * np.pi * BEEP_HZ * time) * 0.5,
        "beeperr": np.sin(2 * np.pi * 400.0 * time) * 0.5,
        "silence/1": np.zeros(rate),
    }.items():
        if not (folder / name).with_suffix(".alaw").exists():
            sounds.store(tone.astype(np.float32), rate, folder / name)
