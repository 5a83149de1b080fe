"""What the bot says, in both languages."""

from typing import Final

from smartmeter.measurands import Language

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "alarm_no_rules": (
        'No alarms are set up. They belong into the settings: alarms = "en50160", or [[alarm]] for your own.',
        'Es sind keine Alarme eingerichtet. In die Einstellungen gehört alarms = "en50160", oder [[alarm]] für eigene.',
    ),
    "alarm_no_such": ("There is no alarm called “{name}”.", "Es gibt keinen Alarm namens „{name}“."),
    "alarm_on": ("On:", "An:"),
    "alarm_recent": ("Last messages:", "Letzte Meldungen:"),
    "alarm_rules": ("Watched:", "Überwacht:"),
    "alarm_since": ("since {since}; worst {worst}", "seit {since}; schlimmster Wert {worst}"),
    "alarm_usage": (
        "/alarm lists alarms, /alarm mute 2h [NAME] mutes them, /alarm unmute ends that.",
        "/alarm zeigt Alarme, /alarm stumm 2h [NAME] schaltet sie stumm, /alarm laut beendet das.",
    ),
    "alarms": ("Alarms", "Alarme"),
    "all_meters": ("All meters", "Alle Zähler"),
    "all_quiet": ("No alarm is on.", "Kein Alarm ist an."),
    "as_of": ("as of {time}", "Stand {time}"),
    "average": ("mean {value}", "Mittel {value}"),
    "busy": ("{load} % busy", "zu {load} % ausgelastet"),
    "chart_usage": (
        "/chart [MEASURAND] [DURATION] [METER], for instance /chart voltage_l1 24h",
        "/grafik [MESSWERT] [DAUER] [ZÄHLER], zum Beispiel /grafik Spannung_L1 24h",
    ),
    "chart_failed": ("The chart could not be drawn: {why}", "Das Diagramm konnte nicht gezeichnet werden: {why}"),
    "chart_later": (
        "Two charts are being drawn already; please try again in a moment.",
        "Es werden schon zwei Diagramme gezeichnet; bitte gleich noch einmal versuchen.",
    ),
    "closed": (
        "Pairing is closed for an hour, as too many wrong codes came.",
        "Das Koppeln ist für eine Stunde geschlossen, weil zu viele falsche Codes kamen.",
    ),
    "disk": ("Disk: {percent} % in use, {free} GB free", "Datenträger: {percent} % belegt, {free} GB frei"),
    "earned": ("earned {money}", "Vergütung {money}"),
    "energy": ("Energy", "Energie"),
    "energy_usage": (
        "/energy [METER] shows today, yesterday and this month. Other times: /chart active_energy_import 7d",
        "/verbrauch [ZÄHLER] zeigt heute, gestern und diesen Monat. Andere Zeiten: /grafik Import_Wh_seit_reset 7d",
    ),
    "error": ("1 error", "1 Fehler"),
    "errors": ("{number} errors", "{number} Fehler"),
    "export": ("export", "Einspeisung"),
    "failed": ("{number} failed", "{number} gescheitert"),
    "fast": (
        "Interval shortened: everything every {seconds} s until {until}.",
        "Intervall verkürzt: alles alle {seconds} s bis {until}.",
    ),
    "fast_anyway": ("Everything is read that often anyway.", "So oft wird ohnehin alles gelesen."),
    "fast_limited": (
        "The line needs that long: {seconds} s instead of {asked} s.",
        "So lange braucht die Leitung: {seconds} s statt {asked} s.",
    ),
    "fast_longest": ("Longer than {duration} is not possible.", "Länger als {duration} geht es nicht."),
    "fast_shortest": ("Less than {seconds} s is not possible.", "Kürzer als {seconds} s geht es nicht."),
    "fast_usage": (
        "/fast [SECONDS] [DURATION], for instance /fast 2 10m",
        "/schnelles_messintervall [SEKUNDEN] [DAUER], zum Beispiel /schnelles_messintervall 2 10m",
    ),
    "hello": (
        "Paired. I tell you what your meters read, and of alarms.",
        "Gekoppelt. Ich nenne Ihnen die Werte Ihrer Zähler und melde Alarme.",
    ),
    "help": ("I understand:", "Ich verstehe:"),
    "highest": ("max {value}", "Max. {value}"),
    "import": ("import", "Bezug"),
    "journal": ("Journal: {size} MB", "Journal: {size} MB"),
    "last_ago": ("the last {ago} ago", "letzte vor {ago}"),
    "longer": ("Longer ({duration})", "Länger ({duration})"),
    "lowest": ("min {value}", "Min. {value}"),
    "meant": ("Did you mean {name}?", "Meinten Sie {name}?"),
    "month": ("this month", "dieser Monat"),
    "mute": ("Mute {duration}", "Stumm {duration}"),
    "muted_all": ("Muted for another {left}.", "Noch {left} stumm."),
    "muted_one": ("{name}: muted for another {left}.", "{name}: noch {left} stumm."),
    "never": ("no reading yet", "noch keine Ablesung"),
    "no_energy": ("neither import nor export is read", "weder Bezug noch Einspeisung wird gelesen"),
    "no_such_measurand": (
        "I know no measurand or meter “{name}”.",
        "Einen Messwert oder Zähler „{name}“ kenne ich nicht.",
    ),
    "no_values": ("no values yet", "noch keine Werte"),
    "no_values_then": ("no values in this time", "keine Werte in dieser Zeit"),
    "nothing_waits": ("nothing waits", "nichts wartet"),
    "not_now": ("That cannot be said now: {why}", "Das lässt sich gerade nicht sagen: {why}"),
    "not_read": ("{measurand} is not read.", "{measurand} wird nicht gelesen."),
    "not_read_from": ("{measurand} is not read from {meter}.", "{measurand} wird von {meter} nicht gelesen."),
    "now_usage": (
        "/now [METER] [MEASURAND], for instance /now voltage_l1",
        "/werte [ZÄHLER] [MESSWERT], zum Beispiel /werte Spannung_L1",
    ),
    "one_each": (
        "One measurand, one meter, one duration: that is the most.",
        "Höchstens ein Messwert, ein Zähler und eine Dauer.",
    ),
    "paired_already": ("This chat is paired already.", "Dieser Chat ist schon gekoppelt."),
    "per_bar": ("per bar", "je Balken"),
    "priced_at": ("without the base price", "ohne Grundpreis"),
    "reading": ("1 reading", "1 Ablesung"),
    "readings": ("{number} readings", "{number} Ablesungen"),
    "refresh": ("Refresh", "Aktualisieren"),
    "request": ("1 request", "1 Anfrage"),
    "requests": ("{number} requests", "{number} Anfragen"),
    "silent": ("silent since {since}", "antwortet nicht seit {since}"),
    "skipped": ("1 round skipped", "1 Runde ausgelassen"),
    "skippeds": ("{number} rounds skipped", "{number} Runden ausgelassen"),
    "status_on": ("Alarms on: {number}, see /alarm", "Alarme an: {number}, siehe /alarm"),
    "stranger": (
        "This bot belongs to an electricity meter and serves only the chats that its owner has paired.",
        "Dieser Bot gehört zu einem Stromzähler und dient nur den Chats, die sein Besitzer gekoppelt hat.",
    ),
    "today": ("today", "heute"),
    "unexpected": (
        "That went wrong, which it must not; the log has more.",
        "Da ist etwas schiefgegangen, was nicht sein darf; im Log steht mehr.",
    ),
    "unknown": ("I do not know that command.", "Diesen Befehl kenne ich nicht."),
    "unmute": ("Unmute", "Wieder laut"),
    "uptime": ("Smartmeter {version}, running for {time}", "Smartmeter {version}, läuft seit {time}"),
    "values": ("Values", "Werte"),
    "waiting": ("1 reading waits", "1 Ablesung wartet"),
    "waitings": ("{number} readings wait", "{number} Ablesungen warten"),
    "week_chart": ("Energy 7 d", "Energie 7 d"),
    "wrong": (
        "That code is not valid, or not any more. `smartmeter telegram pair` shows a new one.",
        "Dieser Code gilt nicht oder nicht mehr. `smartmeter telegram pair` zeigt einen neuen.",
    ),
    "yesterday": ("yesterday", "gestern"),
}


def say(key: str, language: Language, **values: str) -> str:
    """The words for this, with the values in their places."""
    english, german = _WORDS[key]
    return (english if language == "en" else german).format(**values)
