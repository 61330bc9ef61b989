"""CodePix in containers: what docker-compose.yml calls inside of them, and the test of the whole stack.

`database` and `health` run in our image and import nothing that it has not; the rest runs beside Docker, on the host.
"""
