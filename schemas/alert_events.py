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
