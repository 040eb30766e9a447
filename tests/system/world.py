"""Facts and events that several tests share: partners, customers, what the desk reports."""
import datetime

from records import event

# Facts age and contracts end by the real clock, which egw reads: so all times hang on the start.
START = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def at(**ago):
    """A time so long ago, or to come: at(minutes=20), at(days=-90)."""
    return (START - datetime.timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ms(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def fact(kind, /, **fields):
    """One line for `egw reference put`, true as of now: what is known of health ages in half an hour."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"as_of": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "source": "test", "body": {kind: fields}}


def partner(name="litware", **fields):
    return fact("partner", partner=name,
                **{"kind": "indirect-provider", "csp": True, "contact_name": "Service desk",
                   "contact_email": f"desk@{name}.example", **fields})


def customer(name, of="litware", **fields):
    return fact("relation", partner=of, customer=name, **{"tenant": f"tenant-of-{name}", **fields})


def access(name, of="litware", **fields):
    return fact("access", partner=of, customer=name,
                **{"status": "active", "assigned": True,
                   "roles": ["Service Support Administrator"], **fields})


def contract(plan="advanced", of="litware", **fields):
    return fact("contract", partner=of, plan=plan, **fields)


def customers(count):
    """A partner with a paid plan and so many customers, enough for every billing case to go up."""
    return [partner(), contract()] + [customer(f"c{n:04d}") for n in range(count)]


ATTEMPT = {"kind": "check", "step": "compared the invoice with the order",
           "result": "40 seats were charged twice"}


def billing(number, customer_name, event_type="opened", **fields):
    """A billing case: needs no access, reaches Commercial when it was diagnosed."""
    return event(event_id=f"{number}", event_type=event_type, customer=customer_name,
                 **{"case_id": f"B-{number}", "ask": "issue", "domain": "billing",
                    "service": "Office 365", "severity": "C", "title": "charged twice",
                    "text": "Charged twice for 40 seats.", "diagnosis": [ATTEMPT], **fields})


def unclassified(number, customer_name, event_type="opened", **fields):
    """The desk could not tell the service: its own work is to find out."""
    return event(event_id=f"{number}", event_type=event_type, customer=customer_name,
                 **{"case_id": f"U-{number}", "ask": "issue", "title": "something is wrong", **fields})
