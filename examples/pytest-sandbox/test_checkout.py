"""A shop's test: the customer pays, and the shop has the money. `pytest` runs it, and needs nothing else."""


def test_the_customer_pays(codepix_network):
    shop, customer = codepix_network.merchant, codepix_network.payer
    key = next(key for key in shop["keys"] if key["kind"] == "EVP")
    order = {"payee_key": key, "amount_centavos": 12_34, "description": "Order 4711"}
    path = f"{customer['api_url']}/accounts/{customer['account_number']}/transfers"
    codepix_network.call("POST", path, json=order, headers={"Idempotency-Key": "4711"})
    codepix_network.wait_at_rest()
    account = codepix_network.call("GET", f"{shop['api_url']}/accounts/{shop['account_number']}")
    assert account["balance_centavos"] == shop["balance_centavos"] + 12_34
