module labagent

go 1.21
