#!/bin/sh
# Makes the logins of the example, once: one for the gateways, one for each name in $DEVICES. Nothing of it is printed.
#   $SECRETS/broker/passwords   for Mosquitto
#   $SECRETS/gateway/broker     the broker's URL with the gateways' login
#   $SECRETS/devices/NAME       the password of the device NAME
set -eu
umask 077
cd "${SECRETS:-/secrets}"
[ -s gateway/broker ] && exit 0
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
mkdir -p broker gateway devices
: > broker/passwords.new
login() { mosquitto_passwd -b broker/passwords.new "$1" "$2"; }
password=$(random)
login gateway "$password"
for device in ${DEVICES:-device-1}; do
  devicePassword=$(random)
  login "$device" "$devicePassword"
  printf %s "$devicePassword" > "devices/$device"
done
mv broker/passwords.new broker/passwords
printf 'mqtt://gateway:%s@%s' "$password" "${BROKER:-mosquitto:1883}" > gateway/broker.new
# Each reads its own: Mosquitto's image runs as 1883, the gateway as 10001.
if [ "$(id -u)" = 0 ]; then
  chmod 755 .
  chown -R "${BROKER_UID:-1883}" broker
  chown -R "${GATEWAY_UID:-10001}" gateway
fi
mv gateway/broker.new gateway/broker
