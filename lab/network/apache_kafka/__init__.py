"""Holds the pom.xml that names Apache Kafka's own jars; `lab.network.parts.apache_kafka` hands it to Maven."""
