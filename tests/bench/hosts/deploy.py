from io import StringIO
from pyinfra.operations import apt, files, server, systemd

files.directory(path="/opt/app", mode="755")
files.put(src=StringIO("0123456789abcdef" * 256), dest="/opt/app/file.txt", mode="644")
files.template(src="app.conf.j2", dest="/opt/app/app.conf", mode="644", port=8080, app="app")
files.line(path="/opt/app/extra.conf", line="port=8080")
files.put(src=StringIO("hello\n"), dest="/opt/app/motd", mode="644")
files.link(path="/opt/app/motd.link", target="/opt/app/motd")
server.group(group="app", system=True)
server.user(user="app", system=True, group="app", shell="/usr/sbin/nologin", create_home=False)
files.directory(path="/opt/app/data", mode="750", user="app", group="app")
files.block(path="/etc/hosts", content="10.9.9.9 app.internal", marker="# {mark} app", try_prevent_shell_expansion=True)
server.shell(commands=["[ -e /opt/app/made ] || echo made > /opt/app/made"])
server.shell(commands=["[ -e /opt/app/size ] || wc -c < /opt/app/file.txt > /opt/app/size"])
files.file(path="/etc/cron.d/none", present=False)
apt.packages(packages=["procps"])
systemd.service(service="ssh", running=True, enabled=True)
for i in range(1, 6):
    files.put(src=StringIO(f"part = {i}\n"), dest=f"/opt/app/part{i}.conf", mode="644")
