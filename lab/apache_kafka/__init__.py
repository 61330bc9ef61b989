"""Holds the pom.xml that names Apache Kafka's own jars; `lab.parts.apache_kafka` hands it to Maven."""
