"""Touch points: every contact has its service and theme, and a pattern in them is seen (S30, S31)."""
import json

import world
from records import event

CUSTOMERS = ("fabrikam", "northwind", "adatum")
SEEDED = {"fabrikam": 5, "northwind": 3, "adatum": 1}  # contacts about signing in


def contact(name, number, **fields):
    return event(event_id=f"{name}-{number}", event_type="opened", customer=name,
                 **{"case_id": f"{name}-{number}", "occurred_at": world.ms(world.at(minutes=5)),
                    "ask": "issue", "text": "Mrs Smith cannot work", **fields})


def test_a_seeded_pattern_of_contacts_is_reported_by_theme_and_customer_S31(egw):
    egw.put([world.partner()] + [world.customer(name) for name in CUSTOMERS])
    worker = egw.worker()
    worker.wait_for(r"what=ready\b", timeout=30)
    contacts = [contact(name, n, domain="technical", service="Entra ID", symptom="sign-in")
                for name, count in SEEDED.items() for n in range(count)]
    contacts += [contact("adatum", 100 + n, domain="billing", service="Office 365")
                 for n in range(2)]
    again = contacts[0]  # a repetition is no second contact
    egw.publish(contacts + [again])
    read = egw.wait_outcomes(
        lambda outcomes: sum(bool(r.said["case_id"]) for r in outcomes) > len(contacts))

    touched = [r.said for r in read if r.said["case_id"] and r.said["action"] != "DUPLICATE"]
    assert len(touched) == len(contacts)
    assert all(said["service"] and said["theme"] for said in touched)
    assert all("Smith" not in said["theme"] for said in touched)

    told = json.loads(egw.run("outcomes", "--themes", "-o", "json").stdout)
    assert told["contacts"] == len(contacts)
    assert told["theme"] == {"sign-in": sum(SEEDED.values()), "billing": 2}
    assert told["theme and customer"] == {
        **{f"sign-in/{name}": count for name, count in SEEDED.items()}, "billing/adatum": 2}
    assert told["theme and service"] == {"sign-in/entra-id": 9, "billing/microsoft-365": 2}

    text = egw.run("outcomes", "--themes", "--customer", "fabrikam").stdout.decode()
    assert "5 contacts" in text and "sign-in/fabrikam" in text and "adatum" not in text
