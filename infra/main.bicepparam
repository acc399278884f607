using 'main.bicep'

// What has no default, from the environment: nothing of yours needs to stand in a file.
param packageSha256 = readEnvironmentVariable('SLOWRUN_PACKAGE_SHA256')
param adminPublicKey = readEnvironmentVariable('SLOWRUN_ADMIN_KEY')
param clientAddresses = empty(readEnvironmentVariable('SLOWRUN_CLIENT', '')) ? [] : [readEnvironmentVariable('SLOWRUN_CLIENT', '')]
param userPrincipalId = readEnvironmentVariable('SLOWRUN_USER', '')
