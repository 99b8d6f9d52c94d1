"""What people do about an alert."""

from schemas.envelope import Model
from schemas.values import AlertId, Ms, Person


class Acknowledged(Model):
    """A person has seen an alert."""

    alert_id: AlertId
    by: Person = ""


class Silenced(Model):
    """A person wants to hear no more of an alert before `until`."""

    alert_id: AlertId
    by: Person = ""
    until: Ms


class Assigned(Model):
    """A person says who looks after an alert; the newest word on the log counts, and '' is nobody."""

    alert_id: AlertId
    by: Person = ""
    to: Person = ""
